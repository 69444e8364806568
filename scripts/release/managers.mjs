/** How each package manager is told about a registry and installs from it into an empty project. All come from npm. */
import { pnpm } from '../steps.mjs'

/** Files that point a project at a registry, for every manager. `caches` is a folder for what they keep. */
export function registryFiles(url, caches) {
  const host = url.replace(/^http:/, '')
  return {
    '.npmrc': `registry=${url}\n${host}:_authToken=rehearsal\ncache=${caches}/npm\naudit=false\nfund=false\nupdate-notifier=false\n`,
    '.yarnrc': `registry "${url}"\n"--cache-folder" "${caches}/yarn"\n`,
    '.yarnrc.yml': `npmRegistryServer: "${url}"
unsafeHttpWhitelist: ["127.0.0.1"]
globalFolder: "${caches}/berry"
enableTelemetry: false
enableImmutableInstalls: false
npmMinimalAgeGate: 0
`,
    // What was published a minute ago is what is tried here.
    'pnpm-workspace.yaml': `storeDir: ${caches}/pnpm\nminimumReleaseAge: 0\nstrictDepBuilds: false\n`,
    'bunfig.toml': `[install]\nregistry = "${url}"\ncache = "${caches}/bun"\n`,
  }
}

const yarn = ['npx', '--yes', 'yarn@1.22.22']
const berry = ['npx', '--yes', '--package=@yarnpkg/cli-dist@4.18.1', '--', 'yarn']
const bun = ['npx', '--yes', 'bun@1.4.5']

/** By name: how to add packages to a project, run a program in Node there, and run a command of an installed package. */
export const managers = {
  npm: { add: ['npm', 'install'], node: ['node'], command: ['npx', '--no', '--'] },
  pnpm: { add: [...pnpm, 'add'], node: ['node'], command: [...pnpm, 'exec'] },
  yarn: { add: [...yarn, 'add', '--non-interactive'], node: ['node'], command: [...yarn, '--silent', 'run'] },
  'yarn berry': { add: [...berry, 'add'], node: [...berry, 'node'], command: [...berry, 'run'] },
  bun: { add: [...bun, 'add'], node: ['node'], command: [...bun, 'run'] },
}
