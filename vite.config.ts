import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
/** Where `npm run dev` starts the server, and what the console's own server hands requests on to. */
const server = `http://127.0.0.1:${process.env.PORT ?? '4000'}`

/** `npm run dev` is one command: the server runs beside the console's, starts again on every change, and ends with it. */
function besideServer(): Plugin {
  return {
    name: 'pilothouse-server',
    apply: (_, { command, isPreview }) => command === 'serve' && isPreview !== true,
    configureServer: (dev) => {
      const child = spawn(process.execPath, [pathOf('node_modules/tsx/dist/cli.mjs'), 'watch', 'src/cli/bin.ts', 'serve'], { cwd: pathOf('.'), stdio: ['ignore', 'inherit', 'inherit'] })
      const end = () => void child.kill()
      dev.httpServer?.once('close', end)
      process.once('exit', end)
    },
  }
}

/** The console: `console/` to `dist/console/`, from where the server sends it under a policy without inline scripts and styles. */
const config = defineConfig({
  root: pathOf('console'),
  publicDir: false,
  plugins: [react(), besideServer()],
  server: { host: '127.0.0.1', port: 5173, strictPort: true, proxy: { '/graphql': { target: server, ws: true }, '/session': server } },
  build: {
    outDir: pathOf('dist/console'),
    emptyOutDir: true,
    target: 'es2023',
    // `data:` addresses are no 'self'.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 800,
  },
})

// Vite's own command reads the default export; ours is named, like every other.
export { config as default, config }
