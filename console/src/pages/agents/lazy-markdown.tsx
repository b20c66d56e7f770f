import { lazy, Suspense } from 'react'

const Markdown = lazy(async () => ({ default: (await import('../../parts/markdown.js')).Markdown }))

/** Loaded when the first prompt is shown. */
export function LazyMarkdown({ text }: { text: string }) {
  return <Suspense fallback={<p role="status">Reading…</p>}><Markdown text={text} /></Suspense>
}
