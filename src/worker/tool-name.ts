/**
 * The server's part of a tool's name. Names of catalog servers are made of these characters already; static servers may
 * have any name, and the agent runtimes reduce them in the same way.
 */
export function toolPrefix(serverName: string): string {
  return serverName.replace(/[^A-Za-z0-9_-]/g, '-')
}

/** The name a tool is offered under, over all servers of a session. */
export function publicToolName(serverName: string, toolName: string): string {
  return `${toolPrefix(serverName)}-${toolName}`
}
