/** Registers the service worker, and reloads the page once where only that makes it cross-origin isolated. */

const reloadedKey = 'casa-js-isolated'
/** A page without threads is better than one that waits. */
const patienceMs = 5_000

/** Resolves when the page may start; never, if it is being reloaded. */
export async function startOffline(): Promise<void> {
  if (import.meta.env.MODE !== 'production' || !('serviceWorker' in navigator)) return
  const container = navigator.serviceWorker
  const controlled = new Promise<boolean>((resolve) => {
    if (container.controller) return resolve(true)
    container.addEventListener('controllerchange', () => resolve(true), { once: true })
    setTimeout(() => resolve(false), patienceMs)
  })
  try {
    await container.register('service-worker.js')
  } catch (error) {
    // E.g. in a private window: everything works, but not offline.
    console.warn('casa-js: the page will not work offline:', (error as Error).message)
    return
  }
  if (crossOriginIsolated || sessionStorage.getItem(reloadedKey) || !(await controlled)) return
  sessionStorage.setItem(reloadedKey, 'yes')
  location.reload()
  await new Promise(() => {})
}
