import { Button } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'
import { useLivePages } from '../../data/use-live-pages.js'
import { useViewer } from '../../data/viewer.js'
import { TokenListDocument, type TokenListQuery, type TokenKind } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { useNow } from '../../parts/use-now.js'
import { listTokensLine } from './people-lines.js'
import { RevokeTokenDialog } from './revoke-token-dialog.js'
import classes from './people.module.css'

export type Token = TokenListQuery['accessTokens']['nodes'][number]

export interface TokensProps {
  /** Whose; null for those of workers. */
  userId: string | null
  kind: TokenKind
  /** Where one is added; null: nobody may. */
  addTo: string | null
}

/** Access tokens, newest first. None is ever shown again: only its first characters tell them apart. */
export function Tokens({ userId, kind, addTo }: TokensProps) {
  const viewer = useViewer()
  const [ending, setEnding] = useState<Token | null>(null)
  const { items, hasMore, isLoading, problem, more, refresh } = useLivePages(TokenListDocument, { variables: { userId }, topics: ['tokens', 'people'], pageOf: ({ accessTokens }) => accessTokens })
  const tokens = items.filter((token) => token.kind === kind)
  return (
    <div className={classes.tokens}>
      <InlineError problem={problem} retry={refresh} />
      {addTo !== null && <div><Button component={Link} to={addTo}>{kind === 'WORKER' ? 'Add a worker token' : 'Add a token'}</Button></div>}
      {isLoading && <p role="status">Loading…</p>}
      {!isLoading && tokens.length === 0 && problem === null && (
        <EmptyState title="No token yet"><p>{kind === 'WORKER' ? 'A worker reads the sets of the owners that its token serves. Add one to start the first.' : 'With a token one signs in here, and uses the CLI and the API.'}</p></EmptyState>
      )}
      <ul className={classes.rows} aria-label="Access tokens">{tokens.map((token) => <li key={token.id}><OneToken token={token} onRevoke={() => setEnding(token)} /></li>)}</ul>
      {hasMore && <div><Button variant="default" onClick={more}>Older tokens</Button></div>}
      <CliLine line={listTokensLine(userId === viewer.id ? null : userId)} label="The tokens with the CLI" />
      {ending !== null && <RevokeTokenDialog token={ending} isMine={userId === viewer.id} onClose={() => setEnding(null)} />}
    </div>
  )
}

function OneToken({ token: { name, prefix, kind, createdAt, expiresAt, lastUsedAt, revokedAt, serves }, onRevoke }: { token: Token; onRevoke: () => void }) {
  const now = useNow()
  const isOver = expiresAt != null && new Date(expiresAt).getTime() <= now
  const isValid = revokedAt == null && !isOver
  return (
    <>
      <span className={classes.what}>
        <strong><OutsideText>{name}</OutsideText></strong> <code>{prefix}…</code>
        <span className={classes.note}>
          {revokedAt != null ? <>revoked <RelativeTime at={revokedAt} /></> : expiresAt != null && <>{isOver ? 'expired' : 'expires'} <RelativeTime at={expiresAt} /></>},
          {' '}{lastUsedAt == null ? 'never used' : <>last used <RelativeTime at={lastUsedAt} /></>}, created <RelativeTime at={createdAt} />
        </span>
        {kind === 'WORKER' && <span className={classes.note}>serves {serves == null ? 'every owner' : <OutsideText>{serves.map(({ kind: ownerKind, displayName }) => (ownerKind === 'DEPLOYMENT' ? 'the deployment' : `${ownerKind.toLowerCase()} ${displayName}`)).join(', ') || 'nobody'}</OutsideText>}</span>}
      </span>
      {isValid ? <Badge tone="good">valid</Badge> : <Badge>{revokedAt == null ? 'expired' : 'revoked'}</Badge>}
      {isValid && <Button variant="default" size="xs" onClick={onRevoke} aria-label={`Revoke ${name}`}>Revoke</Button>}
    </>
  )
}
