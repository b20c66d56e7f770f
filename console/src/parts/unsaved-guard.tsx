import { Button, Group, Stack } from '@mantine/core'
import { useEffect } from 'react'
import { type NavigateOptions, NavigationType, useBlocker } from 'react-router'
import { Dialog } from './dialog.js'

/** For `navigate` once what was typed is saved: nothing is asked then. */
export const afterSaving: NavigateOptions = { state: { isSaved: true } }

const isSaved = (state: unknown) => typeof state === 'object' && state !== null && 'isSaved' in state

/**
 * Asks before what was typed is lost with its page, by a link, a step back or a closed tab. Only the question is kept here, and nothing of what was typed.
 * `what`: the beginning of "… is not saved, and is lost when you leave this page."
 */
export function UnsavedGuard({ isTyped, what }: { isTyped: boolean; what: string }) {
  const blocker = useBlocker(({ currentLocation, nextLocation, historyAction }) => (
    // A step back may lead to where an earlier save has led to.
    isTyped && currentLocation.pathname !== nextLocation.pathname && (historyAction === NavigationType.Pop || !isSaved(nextLocation.state))))
  useEffect(() => {
    if (!isTyped) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [isTyped])
  return (
    <Dialog isOpen={blocker.state === 'blocked'} title="Leave without saving?" onClose={() => blocker.reset?.()}>
      <Stack gap="md">
        <p>{what} is not saved, and is lost when you leave this page.</p>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={() => blocker.reset?.()} data-autofocus>Stay</Button>
          <Button color="red" onClick={() => blocker.proceed?.()}>Leave, and lose it</Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
