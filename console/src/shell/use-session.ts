import { useEffect, useState } from 'react'
import { type ConsoleData, createConsoleData } from '../data/console-data.js'
import { type Problem, problem } from '../data/problem.js'
import { readSession, type SessionState, signOut } from '../data/session.js'

type State =
  | { state: 'ASKING' }
  | { state: 'FAILED'; problem: Problem }
  | { state: 'OUT'; oidc: SessionState['oidc']; notice: string | null }
  | { state: 'IN'; data: ConsoleData }

export type Session = State & {
  retry: () => void
  /** After a sign-in. */
  enter: () => void
  /** Signs out. @throws SessionError when the server could not end the session */
  leave: () => Promise<void>
}

const goOn = 'Sign in again to go on where you were.'
/** Why one is asked to sign in under an open page, by the server's word for it: docs/console.md. */
const ends = new Map(Object.entries({
  'Session ended': `You were signed out: in another tab or place, or because nothing was done here for two hours. ${goOn}`,
  'Session over': `A sign-in lasts for twelve hours, or as long as its token. ${goOn}`,
  'Token ended': `The access token that you signed in with was revoked or has expired. ${goOn}`,
  Deactivated: 'Your account was deactivated, and with it your sign-in has ended. Ask an admin if that surprises you.',
}))

/** Whether somebody is signed in, asked of the server: the cookie that says so is none that a script could look at. */
export function useSession(): Session {
  const [state, setState] = useState<State>({ state: 'ASKING' })
  const [turn, setTurn] = useState<{ notice: string | null }>({ notice: null })
  const ask = (notice: string | null) => setTurn({ notice })
  useEffect(() => {
    let isOver = false
    // Of an earlier sign-in nothing is kept: another person may have come.
    const data = createConsoleData({ onSignedOut: (reason) => { if (!isOver) setTurn({ notice: ends.get(reason) ?? `Your sign-in has ended. ${goOn}` }) } })
    readSession().then(
      ({ signedIn, oidc }) => { if (!isOver) setState(signedIn ? { state: 'IN', data } : { state: 'OUT', oidc, notice: turn.notice }) },
      (error: unknown) => { if (!isOver) setState({ state: 'FAILED', problem: problem((error as Error).message) }) },
    )
    return () => {
      isOver = true
      data.close()
    }
  }, [turn])
  return {
    ...state, retry: () => ask(null), enter: () => ask(null),
    leave: async () => {
      await signOut()
      ask(null)
    },
  }
}
