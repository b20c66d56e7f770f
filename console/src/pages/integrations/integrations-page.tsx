import { Navigate, Route, Routes } from 'react-router'
import { IntegrationDetail } from './integration-detail.js'
import { IntegrationList } from './integration-list.js'

/** `/integrations/SCOPE/ID`: whose, and which of them is open. */
export function IntegrationsPage() {
  return (
    <Routes>
      <Route index element={<Navigate to="all" replace />} />
      <Route path=":scope" element={<IntegrationList />}>
        <Route path=":id" element={<IntegrationDetail />} />
      </Route>
    </Routes>
  )
}
