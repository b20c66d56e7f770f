import { Route, Routes } from 'react-router'
import { ApprovalDetail } from './approval-detail.js'
import { ApprovalList } from './approval-list.js'

/** `/approvals/ID`: the queue, and which request of it is open. */
export function ApprovalsPage() {
  return (
    <Routes>
      <Route path="/" element={<ApprovalList />}>
        <Route path=":id" element={<ApprovalDetail />} />
      </Route>
    </Routes>
  )
}
