import { Route, Routes } from 'react-router'
import { RevocationDetail } from './revocation-detail.js'
import { RevocationList } from './revocation-list.js'

/** `/revocations/ID`: the receipt of what was taken from sessions. */
export function RevocationsPage() {
  return (
    <Routes>
      <Route path="/" element={<RevocationList />}>
        <Route path=":id" element={<RevocationDetail />} />
      </Route>
    </Routes>
  )
}
