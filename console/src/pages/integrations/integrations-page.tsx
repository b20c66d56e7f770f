import { Route, Routes } from 'react-router'
import { Redirect } from '../../parts/redirect.js'
import { AddIntegration } from './add-integration.js'
import { AddedIntegration } from './added-integration.js'
import { EditIntegration } from './edit-integration.js'
import { IntegrationDetail } from './integration-detail.js'
import { IntegrationList } from './integration-list.js'

/** `/integrations/SCOPE/ID/PANE`: whose, which of them is open, and what of it in the workspace; and the forms beside it. */
export function IntegrationsPage() {
  return (
    <Routes>
      <Route index element={<Redirect to="all" />} />
      <Route path="add" element={<AddIntegration />} />
      <Route path="added/:id" element={<AddedIntegration />} />
      <Route path=":scope/:id/edit" element={<EditIntegration />} />
      <Route path=":scope" element={<IntegrationList />}>
        <Route path=":id/:pane?" element={<IntegrationDetail />} />
      </Route>
    </Routes>
  )
}
