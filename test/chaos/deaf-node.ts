/** A node that never listens to NOTIFY: a process of its own, started by node.ts instead of the built command. */
import { createApp, readConfig } from 'pilothouse'

const app = await createApp(readConfig(), { listens: false })
await app.listen()
const stop = () => void app.close().then(() => process.exit(0))
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
