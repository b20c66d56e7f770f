import { Button, Group, Stack } from '@mantine/core'
import { useContext, useEffect, useEffectEvent, useState } from 'react'
import { type NavigateOptions, useLocation } from 'react-router'
import { AskingHistoryContext, type Step } from './asking-history.js'
import { Dialog } from './dialog.js'

/** For `navigate` once what was typed is saved: nothing is asked then. */
export const afterSaving: NavigateOptions = { state: { isSaved: true } }

const isSaved = (state: unknown) => typeof state === 'object' && state !== null && 'isSaved' in state

/**
 * Asks before what was typed is lost with its page, by a link, a step back or a closed tab. Only the question is kept here, and nothing of what was typed.
 * `what`: the beginning of "… is not saved, and is lost when you leave this page."
 */
export function UnsavedGuard({ isTyped, what }: { isTyped: boolean; what: string }) {
  const history = useContext(AskingHistoryContext)
  const { pathname } = useLocation()
  const [leave, setLeave] = useState<(() => void) | null>(null)
  const isToAsk = useEffectEvent((step: Step) => (
    // A step back may lead to where an earlier save has led to.
    isTyped && step.pathname !== pathname && (step.isThroughHistory || !isSaved(step.state))))
  useEffect(() => history?.guard({ isToAsk: (step) => isToAsk(step), ask: (go) => setLeave(() => go) }), [history])
  useEffect(() => {
    if (!isTyped) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [isTyped])
  const stay = () => setLeave(null)
  return (
    <Dialog isOpen={leave !== null} title="Leave without saving?" onClose={stay}>
      <Stack gap="md">
        <p>{what} is not saved, and is lost when you leave this page.</p>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={stay} data-autofocus>Stay</Button>
          <Button color="red" onClick={() => { stay(); leave?.() }}>Leave, and lose it</Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
