import { Route, Routes } from 'react-router'
import { WorkerDetail } from './worker-detail.js'
import { WorkerList } from './worker-list.js'

/** `/workers/ID`: which of them is open. */
export function WorkersPage() {
  return (
    <Routes>
      <Route path="/" element={<WorkerList />}>
        <Route path=":id" element={<WorkerDetail />} />
      </Route>
    </Routes>
  )
}
