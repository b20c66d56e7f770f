import { Route, Routes } from 'react-router'
import { Redirect } from '../../parts/redirect.js'
import { NewSecret } from './new-secret.js'
import { SecretDetail } from './secret-detail.js'
import { SecretList } from './secret-list.js'

/** `/secrets/SCOPE/NAME`: whose, and which of them is open. No secret's name begins with a plus sign. */
export function SecretsPage() {
  return (
    <Routes>
      <Route index element={<Redirect to="me" />} />
      <Route path=":scope" element={<SecretList />}>
        <Route path="+new" element={<NewSecret />} />
        <Route path=":name" element={<SecretDetail />} />
      </Route>
    </Routes>
  )
}
