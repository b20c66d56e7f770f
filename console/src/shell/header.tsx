import { Button, useMantineColorScheme } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { Link } from 'react-router'
import { problem, type Problem } from '../data/problem.js'
import { useViewer } from '../data/viewer.js'
import { InlineError } from '../parts/inline-error.js'
import { OutsideText } from '../parts/outside-text.js'
import { ProgressButton } from '../parts/progress-button.js'
import { type Section } from '../sections.js'
import { ConnectionDot } from './connection-notice.js'
import { usePaletteKey } from './use-palette-key.js'
import classes from './header.module.css'

const Palette = lazy(async () => ({ default: (await import('./palette.js')).Palette }))

export interface HeaderProps {
  sections: readonly Section[]
  isTreeOpen: boolean
  onTree: () => void
  onSignOut: () => Promise<void>
}

export function Header({ sections, isTreeOpen, onTree, onSignOut }: HeaderProps) {
  const viewer = useViewer()
  const [isPaletteOpen, setPaletteOpen] = useState(false)
  const signOut = useSignOut(onSignOut)
  usePaletteKey(() => setPaletteOpen(true))
  return (
    <header className={classes.header}>
      <div className={classes.line}>
        <Button variant="default" size="compact-md" className={classes.burger} aria-expanded={isTreeOpen} aria-controls="tree" onClick={onTree}>Menu</Button>
        <Link to="/" className={classes.title}>Pilothouse</Link>
        <ConnectionDot />
        <span className={classes.gap} />
        <Button variant="default" size="compact-md" onClick={() => setPaletteOpen(true)} aria-keyshortcuts="Control+K Meta+K">
          Go to… <kbd className={classes.key}>Ctrl K</kbd>
        </Button>
        <ColourScheme />
        <Link to="/tokens" title="My tokens" className={classes.who}><OutsideText>{viewer.displayName}</OutsideText>{viewer.isAdmin && ' (admin)'}</Link>
        <ProgressButton variant="default" size="compact-md" label="Sign out" progress="Signing out…" isRunning={signOut.isRunning} onClick={signOut.run} />
      </div>
      <InlineError problem={signOut.problem} />
      <Suspense fallback={null}>{isPaletteOpen && <Palette sections={sections} onSignOut={signOut.run} onClose={() => setPaletteOpen(false)} />}</Suspense>
    </header>
  )
}

function useSignOut(onSignOut: () => Promise<void>) {
  const [isRunning, setRunning] = useState(false)
  const [refusal, setRefusal] = useState<Problem | null>(null)
  const run = () => {
    setRunning(true)
    setRefusal(null)
    void onSignOut().catch((error: unknown) => {
      setRunning(false)
      setRefusal(problem((error as Error).message, 'You are still signed in.'))
    })
  }
  return { run, isRunning, problem: refusal }
}

const nextScheme = { auto: 'dark', dark: 'light', light: 'auto' } as const
const schemeWords = { auto: 'as the system', dark: 'dark', light: 'light' } as const

function ColourScheme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const next = nextScheme[colorScheme]
  return (
    <Button
      variant="default" size="compact-md" title={`Colours: ${schemeWords[colorScheme]}. Change to ${schemeWords[next]}.`}
      aria-label={`Colours: ${schemeWords[colorScheme]}. Change to ${schemeWords[next]}.`} onClick={() => setColorScheme(next)}
    >
      <span aria-hidden="true">{{ auto: '◐', dark: '●', light: '○' }[colorScheme]}</span>
    </Button>
  )
}
