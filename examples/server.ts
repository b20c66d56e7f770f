/**
 * A real MCP server on this machine, to be registered: http://127.0.0.1:3901/mcp
 *
 *   npm run example:server
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { env, execPath } from 'node:process'

const script = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/dist/index.js')
const server = spawn(execPath, [script, 'streamableHttp'], { env: { ...env, PORT: '3901' }, stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.kill(signal))
server.on('exit', (code) => process.exit(code ?? 0))
