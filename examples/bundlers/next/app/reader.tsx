'use client'
import { createVlmClient } from '@casa-js/web'
import { useEffect, useState } from 'react'

export function Reader({ picture }: { picture: string }) {
  const [answer, setAnswer] = useState('')

  useEffect(() => {
    const stop = new AbortController()
    async function read() {
      const client = await createVlmClient({ model: '/model/', signal: stop.signal })
      try {
        const blob = await (await fetch(picture)).blob()
        const { text } = await client.ask([blob], 'What does it say?', { onText: setAnswer, signal: stop.signal })
        setAnswer(text)
      } finally {
        await client.dispose()
      }
    }
    read().catch((error: unknown) => {
      if (!stop.signal.aborted) setAnswer(String(error))
    })
    return () => stop.abort()
  }, [picture])

  return (
    <>
      <img src={picture} alt="" />
      <output>{answer}</output>
    </>
  )
}
