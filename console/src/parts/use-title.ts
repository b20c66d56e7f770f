import { useEffect } from 'react'

/** What the tab says while this is shown. What is deepest in the page speaks last. */
export function useTitle(title: string): void {
  useEffect(() => {
    const before = document.title
    document.title = `${title} · Pilothouse`
    return () => { document.title = before }
  }, [title])
}
