/** `casa train`: trains a run file; writes checkpoints, a model folder, metrics and a report. */
import type { Command } from 'commander'
import { deviceOption, verboseOption } from '../device.ts'
import { wholeNumber } from '../terminal/numbers.ts'
import { runTraining, type TrainFlags } from '../train/run.ts'

export function register(program: Command): void {
  program
    .command('train')
    .description('train the model that a run file describes')
    .argument('<run>', 'run.ts, run.js or run.json')
    .option('--resume', 'go on from the last checkpoint')
    .option('--steps <n>', 'updates, instead of what the run file says', wholeNumber(1))
    .option('--workers <n>', 'threads that share each update', wholeNumber(1, 1024))
    .option('--out <folder>', 'folder of the run: checkpoints/, model/, metrics.jsonl, report.html')
    .option('--force', 'train into a folder that holds something else; files of the same names are replaced')
    .option('--recompute', 'run blocks again in the backward pass instead of storing them: less memory, more time')
    .option('--mpi', 'this is one of several processes of an MPI launcher; implied under mpirun')
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
Ctrl-C finishes the update, writes a checkpoint and ends with exit code 130; press it again to end at once.

Over MPI the same command is given to mpirun. It needs Open MPI or MPICH and \`npm install koffi\`; --out must be a folder that all machines
share. To stop such a run with a checkpoint, send SIGTERM to one of its ranks (run.lock names rank 0's process). CASA_MPI: path of libmpi.

Examples:
  casa train run.ts                              train into runs/run
  casa train run.ts --resume                     go on after Ctrl-C, a crash or a power cut
  casa train run.json --workers 2 --out try-1    two threads, another folder
  casa train run.ts --steps 20 --out smoke       see that everything works
  mpirun -n 4 casa train run.ts                  four processes
  mpirun --host a:2,b:2 casa train run.ts        on two machines`,
    )
    .action(async (file: string, flags: TrainFlags) => void (await runTraining(file, flags)))
}
