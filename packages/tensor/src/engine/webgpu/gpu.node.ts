/**
 * WebGPU in Node: Dawn, from the package `webgpu`, an optional peer (132 MB). Where there is no GPU it can run on SwiftShader, the software
 * Vulkan that Chromium's packages carry: for tests, at a hundredth of wasm's speed. The environment variable VK_DRIVER_FILES
 * names another driver, such as the llvmpipe of Mesa 25, which has half floats too.
 */
import { DeviceUnavailableError } from '@casa-js/base'
import { existsSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OpenGpu } from './start.ts'

/** Folders that hold both a Vulkan loader and SwiftShader. */
const softwareFolders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome', '/opt/chromium.org/chromium']
const softwareDriver = 'vk_swiftshader_icd.json'
/** SwiftShader takes seconds to compile code that clears workgroup memory. Our kernels write it before they read it. */
const softwareOptions = ['enable-dawn-features=disable_workgroup_init']
/** glibc's flag for "never unload"; Node does not name it. */
const RTLD_NODELETE = 0x1000

/** @throws DeviceError saying what is missing. */
export async function openGpu(software: boolean): Promise<OpenGpu> {
  if (software) useSoftwareVulkan()
  else if (process.platform === 'linux' && !['/dev/dri', '/dev/nvidiactl', '/dev/dxg'].some(existsSync)) {
    // Dawn would look too, but it complains on stderr.
    throw new DeviceUnavailableError('no GPU on this machine')
  }
  const { create, globals } = await import('webgpu').catch((error: Error) => {
    throw new DeviceUnavailableError(
      `WebGPU in Node needs a package that is not installed here: npm install webgpu (${error.message})`,
    )
  })
  Object.assign(globalThis, globals)
  const gpu = create(software ? softwareOptions : []) as GPU
  const restore = setNavigatorGpu(gpu)
  return { gpu, close: restore }
}

/** Let Vulkan find one software driver and nothing else. Reaches only loaders that are opened later in this process. */
function useSoftwareVulkan(): void {
  if (process.platform !== 'linux') throw new DeviceUnavailableError('the software adapter is only set up on Linux')
  process.env.XDG_RUNTIME_DIR ??= tmpdir()
  const folder = softwareFolders.find((candidate) => existsSync(join(candidate, softwareDriver)))
  const { VK_DRIVER_FILES: given } = process.env
  // A parent process may already have set this variable.
  if (given && given !== (folder && join(folder, softwareDriver))) return
  if (!folder)
    throw new DeviceUnavailableError(
      `no ${softwareDriver} in ${softwareFolders.join(', ')}: install Chromium for its software adapter`,
    )
  process.env.VK_DRIVER_FILES = join(folder, softwareDriver)
  const loader = join(folder, 'libvulkan.so.1')
  if (!existsSync(loader)) return
  try {
    // Dawn opens 'libvulkan.so.1' by name, which finds a library of that name if one is loaded already.
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | RTLD_NODELETE)
  } catch {
    // Expected: it is not a Node addon, but it stays loaded.
  }
}

/** tfjs asks for `navigator.gpu` before it agrees to be a WebGPU backend. Node has a navigator from 21 on. */
function setNavigatorGpu(gpu: GPU): () => void {
  const own = globalThis.navigator === undefined
  if (own) Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Node.js' }, configurable: true, writable: true })
  const { navigator } = globalThis
  Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true, writable: true })
  return () => {
    Object.defineProperty(navigator, 'gpu', { value: undefined, configurable: true, writable: true })
    if (own) Object.defineProperty(globalThis, 'navigator', { value: undefined, configurable: true, writable: true })
  }
}
