import { Anchor, Button, PasswordInput, Stack, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useLocation, useNavigate } from 'react-router'
import { localPath } from '../../../src/core/local-path.js'
import { type Problem, problem } from '../data/problem.js'
import { type SessionState, signIn } from '../data/session.js'
import { InlineError } from '../parts/inline-error.js'
import { ProgressButton } from '../parts/progress-button.js'
import { useTitle } from '../parts/use-title.js'
import classes from './sign-in.module.css'

/** Where the server sends whom it could not let in, with `?problem=`. */
export const signInPath = '/sign-in'

/** What the server says in `problem`: docs/console.md. */
const refusals = new Map<string, [message: string, mend: string, code: string]>(Object.entries({
  denied: ['Your organisation did not let you in.', 'Try again with the account that you use there, or ask an admin whether you may use Pilothouse.', 'UNAUTHENTICATED'],
  expired: ['The sign-in took too long, or belongs to another one.', 'Begin it again here.', 'UNAUTHENTICATED'],
  busy: ['Too many sign-ins from your network were refused.', 'Try again in a minute, or sign in with a token.', 'RATE_LIMITED'],
  unavailable: ['Your organisation\'s sign-in cannot be reached.', 'Try again in a moment, or sign in with a token.', 'UNAVAILABLE'],
}))

export interface SignInProps {
  oidc: SessionState['oidc']
  /** Why one is asked, when it was not oneself who signed out. */
  notice: string | null
  onSignedIn: () => void
}

export function SignIn({ oidc, notice, onSignedIn }: SignInProps) {
  useTitle('Sign in')
  const { pathname, search } = useLocation()
  const navigate = useNavigate()
  // Where the identity provider's refusals come to is no place to go on; it says where one wanted to go.
  const isBack = pathname === signInPath
  const asked = new URLSearchParams(search)
  const refusal = isBack ? refusals.get(asked.get('problem') ?? '') : undefined
  const wanted = isBack ? localPath(asked.get('return')) : pathname + search
  const goOn = () => {
    if (isBack) void navigate(wanted, { replace: true })
    onSignedIn()
  }
  return (
    <main className={classes.page}>
      <div className={classes.card}>
        <h1>Pilothouse</h1>
        {notice !== null && <p role="status">{notice}</p>}
        {refusal !== undefined && <InlineError problem={problem(...refusal)} />}
        {oidc !== null && (
          <Button component="a" href={`${oidc.authorizePath}?return=${encodeURIComponent(wanted)}`} size="md">Sign in with your organisation</Button>
        )}
        <TokenForm onSignedIn={goOn} isSecond={oidc !== null} />
        <Text size="sm" c="dimmed">
          The first start writes an admin&apos;s token to <code>admin-token</code> in the data folder (<code>.pilothouse/</code>). <code>pilothouse token create</code> makes
          more. The <Anchor href="/graphql" inherit underline="always">API</Anchor> has everything that this console has.
        </Text>
      </div>
    </main>
  )
}

function TokenForm({ onSignedIn, isSecond }: { onSignedIn: () => void; isSecond: boolean }) {
  const [token, setToken] = useState('')
  const [isRunning, setRunning] = useState(false)
  const [refusal, setRefusal] = useState<Problem | null>(null)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (isRunning) return
    if (token.trim() === '') return setRefusal(problem('There is no token.', 'Paste one that begins with pht_.', 'INVALID_INPUT'))
    setRunning(true)
    setRefusal(null)
    try {
      await signIn(token.trim())
      onSignedIn()
    } catch (error) {
      setRefusal(problem((error as Error).message, null, 'UNAUTHENTICATED'))
    } finally {
      // Taken or not, it is in nobody's way here any more.
      setToken('')
      setRunning(false)
    }
  }
  return (
    <form onSubmit={(event) => void submit(event)} aria-label="Sign in with a token">
      <Stack gap="sm">
        <PasswordInput
          label={isSecond ? 'Or with an access token' : 'Access token'} description="It is exchanged for a cookie that no script can read, and kept nowhere else."
          value={token} onChange={({ currentTarget }) => setToken(currentTarget.value)} autoComplete="off" spellCheck={false} data-1p-ignore data-lpignore="true" autoFocus={!isSecond}
        />
        <InlineError problem={refusal} />
        <ProgressButton type="submit" label="Sign in" progress="Signing in…" isRunning={isRunning} />
      </Stack>
    </form>
  )
}
