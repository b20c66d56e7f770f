import { useViewer } from '../../data/viewer.js'
import { CliLine } from '../../parts/code-block.js'
import { PageHeader } from '../../parts/page-header.js'
import { ConsoleSessions } from './console-sessions.js'
import { Tokens } from './tokens.js'
import classes from './people.module.css'

/** Everybody's own. */
export function MyTokensPage() {
  const { id } = useViewer()
  return (
    <div className={classes.page}>
      <PageHeader title="My tokens" />
      <Tokens userId={id} kind="PERSONAL" isMine canCreate />
      <div className={classes.cli}><CliLine line="pilothouse token list" label="Tokens with the CLI" /></div>
      <ConsoleSessions />
    </div>
  )
}
