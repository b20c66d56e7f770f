import { type Problem } from './launcher.js'
import { pathProblem } from './path.js'
import { packagedProgram, programKind } from './programs.js'

/** Parts of a path after which a package of npm or Python is named. */
const packageFolders = ['node_modules', 'site-packages', 'dist-packages']
const ending = /\.(?:[cm]?[jt]sx?|py[cwz]?|pyzw)$/
/** An interpreter's own modules: `timeit.py`, `pdb.py`, `code.py` and others run what they are told to. */
const ownLibrary = /\/lib(?:64)?\/(?:python|pypy|graalpy)\d[\d.]*t?\/(?!(?:site|dist)-packages\/)/
const mend = 'Name the script of the MCP server itself. If this is one, give it a name that no launcher, shell or interpreter has.'

/**
 * What speaks against a script as such, wherever it lies, as message and mend, or null: a launcher, shell or interpreter that is itself a script
 * would read the rest of the command line, and nobody has judged that. Pure, so the worker asks it of the file that a path really leads to.
 * @param path absolute
 */
export function scriptProblem(path: string): Problem {
  const parts = path.toLowerCase().split('/')
  const base = parts.at(-1)!.replace(ending, '')
  const own = programKind(base) ?? programKind(base.replace(/-cli$/, ''))
  if (own !== null) return [`The script is ${own.plain}, ${own.kind}: nobody could judge what it would run.`, mend]
  const inside = parts.flatMap((part, at) => packageFolders.includes(parts[at - 1] ?? '') ? [part.startsWith('@') ? `${part}/${parts[at + 1] ?? ''}` : part.replace(ending, '')] : [])
  const packaged = inside.map(packagedProgram).find((found) => found !== null)
  if (packaged !== undefined) return [`The script is of the package ${packaged.plain}, ${packaged.kind}: nobody could judge what it would run.`, mend]
  return ownLibrary.test(path.toLowerCase()) ? ['The script is of the interpreter\'s own library, which runs what it is told to.', mend] : null
}

/** Of a script by absolute path: where it lies, and then what it is. */
export function scriptPathProblem(path: string, directories: readonly string[] | null): Problem {
  return pathProblem(path, directories) ?? scriptProblem(path)
}
