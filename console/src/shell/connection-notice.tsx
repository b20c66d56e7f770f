import { type ConnectionState } from '../data/connection.js'
import { useConnection } from '../data/use-data.js'
import { Badge, type Tone } from '../parts/badge.js'
import classes from './connection-notice.module.css'

const states: Record<ConnectionState, [tone: Tone, word: string, title: string]> = {
  CONNECTING: ['quiet', 'connecting', 'Changes by others will show without a reload once this is connected'],
  LIVE: ['good', 'live', 'Changes by others show without a reload'],
  LOST: ['bad', 'offline', 'The connection was lost and is tried again'],
}

export function ConnectionDot() {
  const [tone, word, title] = states[useConnection()]
  return <Badge tone={tone} title={title}>{word}</Badge>
}

/** Says so when what is shown may be old. When the connection is back, it goes on where it was. */
export function ConnectionNotice() {
  const state = useConnection()
  return (
    <div role="status" className={classes.place}>
      {state === 'LOST' && <p className={classes.notice}>The connection to the server was lost. What you see may be old; it is brought up to date as soon as the server is back.</p>}
    </div>
  )
}
