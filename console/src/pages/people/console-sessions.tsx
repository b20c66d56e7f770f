import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { ConsoleSessionListDocument, type ConsoleSessionListQuery, SignOutBrowserDocument, SignOutElsewhereDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { listSessionsLine } from './people-lines.js'
import classes from './people.module.css'

type ConsoleSession = ConsoleSessionListQuery['consoleSessions']['nodes'][number]

/** One that ended may have taken its token along, or the other way round. */
const topics: readonly Topic[] = ['signIns', 'tokens']

/** The browsers that one is signed in with, newest first, to end those that one does not know or has no longer. */
export function ConsoleSessions() {
  const { data, problem, isLoading, refresh } = useLiveQuery(ConsoleSessionListDocument, { variables: {}, topics })
  const elsewhere = useAction(SignOutElsewhereDocument, topics)
  const sessions = data?.consoleSessions.nodes ?? []
  const others = sessions.filter(({ current }) => !current)
  return (
    <Section title="Where I am signed in">
      <div className={classes.tokens}>
        <InlineError problem={problem} retry={refresh} />
        {isLoading && <p role="status">Loading…</p>}
        <ul className={classes.rows} aria-label="Browsers">{sessions.map((session) => <li key={session.id}><OneSession session={session} /></li>)}</ul>
        {others.length > 0 && <div><ProgressButton variant="default" label="Sign out everywhere else" progress="Signing out…" isRunning={elsewhere.isRunning} onClick={() => void elsewhere.run({})} /></div>}
        <InlineError problem={elsewhere.problem} />
        {data !== undefined && others.length === 0 && <p className={classes.note}>Nowhere else.</p>}
        <CliLine line={listSessionsLine} label="Browsers with the CLI" />
      </div>
    </Section>
  )
}

function OneSession({ session: { id, createdAt, lastUsedAt, expiresAt, current, accessToken } }: { session: ConsoleSession }) {
  const { run, isRunning, problem } = useAction(SignOutBrowserDocument, topics)
  const how = accessToken == null ? 'at the identity provider' : <>with the token <OutsideText>{accessToken.name}</OutsideText></>
  return (
    <>
      <span className={classes.what}>
        <strong>{current ? 'This browser' : 'Another browser'}</strong>, signed in <RelativeTime at={createdAt} /> {how}
        <span className={classes.note}>last used <RelativeTime at={lastUsedAt} />, ends <RelativeTime at={expiresAt} /> at the latest</span>
        <InlineError problem={problem} />
      </span>
      {!current && <ProgressButton variant="default" size="xs" label="Sign out there" progress="Signing out…" isRunning={isRunning} onClick={() => void run({ id })} />}
    </>
  )
}
