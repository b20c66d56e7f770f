/** A remote MCP server in a process of its own that can be killed. Its one tool tells the hash of the key that it was sent. */
import { createHash } from 'node:crypto'
import { startTestMcpServer, text } from '../support/mcp-servers.js'

const mcp = await startTestMcpServer([{
  name: 'digest',
  run: async () => text(createHash('sha256').update(String(mcp.requests.findLast((headers) => headers['x-key'] !== undefined)?.['x-key'])).digest('hex')),
}], { port: Number(process.argv[2]) })
process.on('disconnect', () => process.exit(0))
process.send!('ready')
