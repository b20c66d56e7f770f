import { useParams } from 'react-router'
import { useViewer } from '../../data/viewer.js'
import { NewToken } from './new-token.js'

/** A token for whom the page of people has open, by an admin. */
export function UserTokenPage() {
  const { id = '' } = useParams()
  const viewer = useViewer()
  return <NewToken kind="PERSONAL" userId={id === viewer.id ? null : id} back={{ to: `/people/users/${id}`, label: 'User' }} />
}
