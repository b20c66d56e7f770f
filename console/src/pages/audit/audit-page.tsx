import { Route, Routes } from 'react-router'
import { AuditDetail } from './audit-detail.js'
import { AuditList } from './audit-list.js'

/** `/audit/ID?chain=access&about=…&actor=…`: which event is open, of which. */
export function AuditPage() {
  return (
    <Routes>
      <Route path="/" element={<AuditList />}>
        <Route path=":id" element={<AuditDetail />} />
      </Route>
    </Routes>
  )
}
