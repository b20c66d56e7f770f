import { useEffect, useEffectEvent } from 'react'

/** Ctrl+Enter (or ⌘Enter) anywhere on the page; a dialog over it has its own keys. */
export function useSubmitKey(submit: () => void): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    const isInDialog = event.target instanceof Element && event.target.closest('[role=dialog]') !== null
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || isInDialog) return
    event.preventDefault()
    submit()
  })
  useEffect(() => {
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}
