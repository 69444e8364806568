/** Pictures that a person gives: files, pastes, drops, snapshots, samples. Each keeps a URL to be shown by until it is let go. */
import { FileError } from '@casa-js/base'

export interface ShownPicture {
  id: number
  name: string
  blob: Blob
  url: string
}

let count = 0

/** @returns the picture with a URL to show it by; `releasePicture` frees it */
export function showPicture(blob: Blob, name: string): ShownPicture {
  return { id: ++count, name, blob, url: URL.createObjectURL(blob) }
}

/** Free the URL of a picture that is shown no more. */
export function releasePicture({ url }: ShownPicture): void {
  URL.revokeObjectURL(url)
}

/** Sample pictures that are served beside the page. */
export const samples = [
  { file: 'sign.png', name: 'a sign', question: 'What does it say?' },
  { file: 'emoji.png', name: 'an emoji', question: 'What is this?' },
  { file: 'second.png', name: 'another sign', question: 'What does it say?' },
]

/** @throws FileError when the sample cannot be fetched. */
export async function fetchSample(file: string): Promise<Blob> {
  const response = await fetch(new URL(`samples/${file}`, document.baseURI))
  if (!response.ok) throw new FileError(`samples/${file}`, `the server answered ${response.status}`)
  return response.blob()
}

/** The image files of a drop or a paste. */
export function imagesOf(transfer: DataTransfer | null): File[] {
  return [...(transfer?.files ?? [])].filter(({ type }) => type.startsWith('image/'))
}

/** One picture from the camera; the camera is off again when it resolves. @throws DOMException when it is not allowed or not there. */
export async function takeSnapshot(): Promise<Blob> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  try {
    const video = Object.assign(document.createElement('video'), { srcObject: stream, muted: true, playsInline: true })
    await video.play()
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight)
    canvas.getContext('2d')!.drawImage(video, 0, 0)
    return await canvas.convertToBlob({ type: 'image/png' })
  } finally {
    for (const track of stream.getTracks()) track.stop()
  }
}
