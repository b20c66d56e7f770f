import { CliLine } from '../../parts/code-block.js'
import { PageHeader } from '../../parts/page-header.js'
import { PeopleTabs } from './people-tabs.js'
import { Tokens } from './tokens.js'
import classes from './people.module.css'

export function WorkerTokensPage() {
  return (
    <div className={classes.page}>
      <PageHeader title="Worker tokens" />
      <PeopleTabs />
      <Tokens userId={null} kind="WORKER" isMine={false} canCreate />
      <div className={classes.cli}><CliLine line="pilothouse token list" label="Tokens with the CLI" /></div>
    </div>
  )
}
