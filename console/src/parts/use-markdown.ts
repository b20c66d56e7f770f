import { useEffect, useState } from 'react'
import { type MarkdownTree } from './markdown-parser.js'

/** READING: no answer yet; SOURCE: it is to be shown as it was written. */
export type MarkdownState = { state: 'READING' | 'SOURCE' } | { state: 'READ'; text: string; tree: MarkdownTree }

const longestMs = 2_000

/**
 * Reads Markdown beside the page, so that no text holds the page up: what takes longer than two seconds, or becomes more than a page can show, is
 * left as it was written. The last tree stays until the next one is there.
 */
export function useMarkdown(text: string): MarkdownState {
  const [read, setRead] = useState<MarkdownState>({ state: 'READING' })
  useEffect(() => {
    const worker = new Worker(new URL('./markdown-parser.ts', import.meta.url), { type: 'module' })
    const end = (state: MarkdownState) => {
      clearTimeout(timer)
      worker.terminate()
      setRead(state)
    }
    const timer = setTimeout(() => end({ state: 'SOURCE' }), longestMs)
    worker.addEventListener('message', ({ data }: MessageEvent<MarkdownTree | null>) => end(data === null ? { state: 'SOURCE' } : { state: 'READ', text, tree: data }))
    worker.addEventListener('error', () => end({ state: 'SOURCE' }))
    worker.postMessage(text)
    return () => {
      clearTimeout(timer)
      worker.terminate()
    }
  }, [text])
  return read
}
