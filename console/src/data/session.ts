/**
 * The sign-in at this server: a token goes out once, and comes back as a cookie that no script can read. Nothing here, and nothing
 * anywhere else in the console, keeps a token.
 */
export interface SessionState {
  signedIn: boolean
  /** null: no identity provider is configured. */
  oidc: { authorizePath: string } | null
}

/** Proof that the request comes from a page of this origin: another site cannot set it without the server's leave. */
export const csrfHeaders = { 'x-pilothouse-csrf': '1' } as const

/** A refusal of `/session`, for people. */
export class SessionError extends Error {
  override readonly name = 'SessionError'
}

export async function readSession(): Promise<SessionState> {
  const response = await ask('GET')
  if (!response.ok) throw new SessionError(await reasonOf(response))
  return await response.json() as SessionState
}

/** @throws SessionError when the token is not taken, or the server cannot be reached */
export async function signIn(token: string): Promise<void> {
  const response = await ask('POST', { token })
  if (!response.ok) throw new SessionError(await reasonOf(response))
}

/** Ends the session on the server. @throws SessionError when that could not be done: then one is still signed in */
export async function signOut(): Promise<void> {
  const response = await ask('DELETE')
  if (!response.ok && response.status !== 401) throw new SessionError(await reasonOf(response))
}

async function ask(method: string, body?: object): Promise<Response> {
  try {
    return await fetch('/session', {
      method, credentials: 'same-origin', cache: 'no-store', headers: { ...csrfHeaders, ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: JSON.stringify(body) }),
    })
  } catch {
    throw new SessionError('The server did not answer. Check that it runs and that you are connected, then try again.')
  }
}

async function reasonOf(response: Response): Promise<string> {
  const answer = await response.json().catch(() => null) as { errors?: Array<{ message: string; extensions?: { mend?: string } }> } | null
  const [error] = answer?.errors ?? []
  if (error === undefined) return `The server answered with ${response.status}. Try again in a moment.`
  return [error.message, error.extensions?.mend].filter((part) => part !== undefined).join(' ')
}
