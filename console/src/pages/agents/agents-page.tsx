import { Route, Routes } from 'react-router'
import { Redirect } from '../../parts/redirect.js'
import { AddAgent } from './add-agent.js'
import { AgentDetail } from './agent-detail.js'
import { AgentList } from './agent-list.js'
import { EditAgent } from './edit-agent.js'
import { ImportAgent } from './import-agent.js'

/** `/agents/SCOPE/ID/PANE`: whose, which of them is open, and what of it in the workspace. */
export function AgentsPage() {
  return (
    <Routes>
      <Route index element={<Redirect to="all" />} />
      <Route path="add" element={<Redirect to="/agents/me/add" />} />
      <Route path="import" element={<Redirect to="/agents/me/import" />} />
      <Route path=":scope" element={<AgentList />}>
        <Route path="add" element={<AddAgent />} />
        <Route path="import" element={<ImportAgent />} />
        <Route path=":id/:pane?" element={<AgentDetail />} />
        <Route path=":id/edit" element={<EditAgent />} />
      </Route>
    </Routes>
  )
}
