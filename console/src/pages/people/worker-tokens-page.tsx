import { Route, Routes } from 'react-router'
import { PageHeader } from '../../parts/page-header.js'
import { NewToken } from './new-token.js'
import { PeopleTabs } from './people-tabs.js'
import { Tokens } from './tokens.js'
import classes from './people.module.css'

/** `/people/worker-tokens`; below it `new` adds one. */
export function WorkerTokensPage() {
  return (
    <div className={classes.page}>
      <Routes>
        <Route index element={<><PageHeader title="Worker tokens" /><PeopleTabs /><Tokens userId={null} kind="WORKER" addTo="/people/worker-tokens/new" /></>} />
        <Route path="new" element={<NewToken kind="WORKER" back={{ to: '/people/worker-tokens', label: 'Worker tokens' }} />} />
      </Routes>
    </div>
  )
}
