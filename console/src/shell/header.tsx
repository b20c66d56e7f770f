import { Button, useMantineColorScheme } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { Link } from 'react-router'
import { type Section } from '../sections.js'
import { Account } from './account.js'
import { ConnectionDot } from './connection-notice.js'
import { usePaletteKey } from './use-palette-key.js'
import { type SignOut } from './use-sign-out.js'
import classes from './header.module.css'

const Palette = lazy(async () => ({ default: (await import('./palette.js')).Palette }))

export interface HeaderProps {
  sections: readonly Section[]
  isTreeOpen: boolean
  onTree: () => void
  signOut: SignOut
}

/** One line, also on a narrow screen: there the account stands below the tree. */
export function Header({ sections, isTreeOpen, onTree, signOut }: HeaderProps) {
  const [isPaletteOpen, setPaletteOpen] = useState(false)
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
        <div className={classes.account}><Account signOut={signOut} /></div>
      </div>
      <Suspense fallback={null}>{isPaletteOpen && <Palette sections={sections} onSignOut={signOut.run} onClose={() => setPaletteOpen(false)} />}</Suspense>
    </header>
  )
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
