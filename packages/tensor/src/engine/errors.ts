/** What can go wrong with a device while it works. */

/** The device went away (driver reset, tab in the background, close()). Everything on it is gone: init() again and reload. */
export class DeviceLostError extends Error {
  override name = 'DeviceLostError'
}

/** The device has no memory left for what was asked. Smaller batches, or fewer things kept. */
export class OutOfMemoryError extends Error {
  override name = 'OutOfMemoryError'
}

/** The device cannot be used here; the message says why. */
export class DeviceUnavailableError extends Error {
  override name = 'DeviceUnavailableError'
}
