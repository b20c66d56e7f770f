import { Route, Routes } from 'react-router'
import { useViewer } from '../../data/viewer.js'
import { PageHeader } from '../../parts/page-header.js'
import { ConsoleSessions } from './console-sessions.js'
import { NewToken } from './new-token.js'
import { Tokens } from './tokens.js'
import classes from './people.module.css'

/** Everybody's own; `/tokens/new` adds one. */
export function MyTokensPage() {
  const { id } = useViewer()
  return (
    <div className={classes.page}>
      <Routes>
        <Route index element={<><PageHeader title="My tokens" /><Tokens userId={id} kind="PERSONAL" addTo="/tokens/new" /><ConsoleSessions /></>} />
        <Route path="new" element={<NewToken kind="PERSONAL" back={{ to: '/tokens', label: 'My tokens' }} />} />
      </Routes>
    </div>
  )
}
