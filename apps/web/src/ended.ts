/** Whether the worker or the device is gone, and all that was in it. */
export const hasEnded = ({ name }: Error): boolean => name === 'DeviceLostError' || name === 'WorkerCrashedError'
