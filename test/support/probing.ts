import { type TestServer } from './server.js'

/** Who waits for probes on whatever nodes, as the database has it. */
export async function probeListeners({ app }: Pick<TestServer, 'app'>): Promise<string> {
  return JSON.stringify(await app.services.db.execute('select listeners from probe_node'))
}

/** Resolves once every node knows that the worker waits for probes, or `isOver` says that it never will. */
export async function untilListening(server: Pick<TestServer, 'app'>, workerId: string, isOver = () => false): Promise<void> {
  while (!isOver() && !(await probeListeners(server)).includes(`"${workerId}"`)) { /* Asked again. */ }
}
