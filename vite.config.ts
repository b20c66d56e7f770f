import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
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
    configureServer: async (dev) => {
      const child = spawn(process.execPath, [pathOf('node_modules/tsx/dist/cli.mjs'), 'watch', 'src/cli/bin.ts', 'serve'], { cwd: pathOf('.'), stdio: ['ignore', 'inherit', 'inherit'] })
      const end = () => void child.kill()
      dev.httpServer?.once('close', end)
      process.once('exit', end)
      // Vite says where the console is once this is over: a page that is opened sooner could only say that nobody answers.
      while (child.exitCode === null && !(await isAnswering())) await delay(200)
    },
  }
}

const isAnswering = () => fetch(`${server}/health`).then(() => true, () => false)

/** Bytes of script, gzipped, that may come before the first page shows. */
const mostScript = 250_000

/** Says how much script the first page needs, at most: what the document names, and the largest page. Too much is an error. */
function firstLoad(): Plugin {
  return {
    name: 'pilothouse-first-load',
    apply: 'build',
    generateBundle: (_, bundle) => {
      const chunks = Object.values(bundle).filter((one) => one.type === 'chunk')
      const withImports = (name: string, seen = new Set<string>()): Set<string> => {
        if (!seen.has(name)) for (const each of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) withImports(each, seen.add(name))
        return seen.add(name)
      }
      const sizeOf = (names: Iterable<string>) => [...names].reduce((sum, name) => sum + gzipSync(chunks.find(({ fileName }) => fileName === name)?.code ?? '').length, 0)
      const entry = chunks.filter(({ isEntry }) => isEntry).flatMap(({ fileName }) => [...withImports(fileName)])
      const pages = chunks.filter(({ isDynamicEntry }) => isDynamicEntry).map(({ fileName }) => sizeOf(new Set([...entry, ...withImports(fileName)])))
      const most = Math.max(sizeOf(entry), ...pages)
      const said = `console: ${Math.round(sizeOf(entry) / 1000)} kB of script before the first page, ${Math.round(most / 1000)} kB with the largest (gzip)`
      if (most > mostScript) throw new Error(`${said}: at most ${mostScript / 1000} kB`)
      process.stdout.write(`${said}\n`)
    },
  }
}

/** The console: `console/` to `dist/console/`, from where the server sends it under a policy without inline scripts and styles. */
const config = defineConfig({
  root: pathOf('console'),
  publicDir: false,
  // Its form for browsers needs a document, which the worker that reads Markdown has not.
  resolve: { alias: { 'decode-named-character-reference': pathOf('node_modules/decode-named-character-reference/index.js') } },
  plugins: [react(), besideServer(), firstLoad()],
  // Objects: a mere address as target would change the Host, and the server would not know the page for its own.
  server: { host: '127.0.0.1', port: 5173, strictPort: true, proxy: { '/graphql': { target: server, ws: true }, '/session': { target: server } } },
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
