import { useCallback, useEffect, useState } from 'react'
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

/** Whether somebody is signed in, asked of the server: the cookie that says so is none that a script could look at. */
export function useSession(): Session {
  const [state, setState] = useState<State>({ state: 'ASKING' })
  const ask = useCallback(async (notice: string | null) => {
    try {
      const { signedIn, oidc } = await readSession()
      if (!signedIn) return setState({ state: 'OUT', oidc, notice })
      // Of an earlier sign-in nothing is kept: another person may have come.
      const data = createConsoleData({
        onSignedOut: () => {
          data.close()
          void ask('Your sign-in has ended. Sign in again to go on where you were.')
        },
      })
      setState({ state: 'IN', data })
    } catch (error) {
      setState({ state: 'FAILED', problem: problem((error as Error).message) })
    }
  }, [])
  useEffect(() => void ask(null), [ask])
  const leave = useCallback(async () => {
    await signOut()
    if (state.state === 'IN') state.data.close()
    await ask(null)
  }, [ask, state])
  return { ...state, retry: () => void ask(null), enter: () => void ask(null), leave }
}
