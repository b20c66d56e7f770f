import type postgres from 'postgres'

export type Client = postgres.Sql

/**
 * Connections of postgres.js 3.4.9, of which none is used again after one of them was lost.
 *
 * The driver forgets to clear what it was about to write when a connection closes: if a query was handed to it in that moment (as happens
 * when several connections are killed at once, and the query of one is tried again on the next), it never writes the start of the next
 * connection, and every use of that slot ends with CONNECT_TIMEOUT, for ever. So a client that lost a connection gets no more work: a fresh
 * one takes its place at once, and the old one ends when what it still does is done.
 */
export interface Pool {
  /** The client of this moment. */
  readonly client: Client
  /**
   * @param work must use the client that it is given, and nothing else of the pool
   * @param isLost whether an error means that a connection was lost
   */
  use: <Result>(work: (client: Client) => PromiseLike<Result>, isLost: (error: unknown) => boolean) => Promise<Result>
  /** What is under way gets some seconds. */
  close: () => Promise<void>
}

interface Tenure {
  client: Client
  inUse: number
  isRetired: boolean
}

/** @param connect makes a client; nothing connects before its first query */
export function createPool(connect: () => Client): Pool {
  let current: Tenure = { client: connect(), inUse: 0, isRetired: false }
  const tenures = new Set([current])
  let isClosed = false

  async function end(tenure: Tenure, timeoutSeconds: number): Promise<void> {
    await tenure.client.end({ timeout: timeoutSeconds })
    tenures.delete(tenure)
  }

  function retire(tenure: Tenure): void {
    if (isClosed || tenure.isRetired) return
    tenure.isRetired = true
    const client = connect()
    // What drizzle set when it was given the first client.
    Object.assign(client.options.parsers, tenure.client.options.parsers)
    Object.assign(client.options.serializers, tenure.client.options.serializers)
    current = { client, inUse: 0, isRetired: false }
    tenures.add(current)
  }

  return {
    get client() { return current.client },
    use: async (work, isLost) => {
      const tenure = current
      tenure.inUse += 1
      try {
        return await work(tenure.client)
      } catch (error) {
        if (isLost(error)) retire(tenure)
        throw error
      } finally {
        tenure.inUse -= 1
        if (tenure.isRetired && tenure.inUse === 0) void end(tenure, 0)
      }
    },
    close: async () => {
      isClosed = true
      await Promise.all([...tenures].map((tenure) => end(tenure, 5)))
    },
  }
}
