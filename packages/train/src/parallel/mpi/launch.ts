/** Whether this process is one of several that an MPI launcher started, from the variables that it sets. */

export interface Launched {
  launcher: 'Open MPI' | 'MPICH'
  rank: number
  ranks: number
  /** Ranks on this machine. */
  ranksHere: number
}

/**
 * Which of how many processes this one is, from the variables that Open MPI's and MPICH's `mpirun` set.
 *
 * @param env the process's environment
 * @returns undefined outside `mpirun`; under another launcher, such as `srun`, the variables differ, and a run must say `mpi: true`
 */
export function launchedBy(env: Readonly<Record<string, string | undefined>>): Launched | undefined {
  const count = (name: string) => {
    const value = Number(env[name])
    return env[name] !== undefined && Number.isInteger(value) && value >= 0 ? value : undefined
  }
  const found = (launcher: Launched['launcher'], rank: string, size: string, local: string): Launched | undefined => {
    const [own, ranks] = [count(rank), count(size)]
    return own === undefined || ranks === undefined ? undefined : { launcher, rank: own, ranks, ranksHere: count(local) ?? ranks }
  }
  return (
    found('Open MPI', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_SIZE') ??
    found('MPICH', 'PMI_RANK', 'PMI_SIZE', 'MPI_LOCALNRANKS')
  )
}
