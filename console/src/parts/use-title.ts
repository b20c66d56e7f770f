import { useEffect } from 'react'
import { shownText } from './shown-text.js'

/** What the tab says while this is shown. What is deepest in the page speaks last. */
export function useTitle(title: string): void {
  useEffect(() => {
    const before = document.title
    document.title = `${shownText(title)} · Pilothouse`
    return () => { document.title = before }
  }, [title])
}
