import { Button } from '@mantine/core'
import { useEffect, useState } from 'react'

const saidForMs = 2_000

/** Puts a text on the clipboard, and says whether that worked. `label` says what: "Copy token". */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [state, setState] = useState<'READY' | 'COPIED' | 'FAILED'>('READY')
  useEffect(() => {
    if (state === 'READY') return
    const timer = setTimeout(() => setState('READY'), saidForMs)
    return () => clearTimeout(timer)
  }, [state])
  const copy = () => navigator.clipboard.writeText(text).then(() => setState('COPIED'), () => setState('FAILED'))
  const said = { READY: label, COPIED: 'Copied', FAILED: 'Select and copy it by hand' }[state]
  return <Button variant="default" size="compact-sm" onClick={() => void copy()}><span aria-live="polite">{said}</span></Button>
}
