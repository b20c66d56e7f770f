/** Somebody who signed in at the console with a browser. The hash is of the whole cookie, never the cookie. */
export interface ConsoleSession {
  id: string
  /** sha-256, hex. */
  hash: string
  userId: string
  /** The access token that it was made of, without which it opens nothing; null: the identity provider vouched for the person. */
  tokenId: string | null
  createdAt: string
  /** At the latest: an idle one ends sooner. */
  expiresAt: string
  /** When it was signed out, or ended for being idle or over. */
  endedAt: string | null
}

/** What the audit may tell of one. */
export function consoleSessionView({ hash: _, ...session }: ConsoleSession): unknown {
  return session
}
