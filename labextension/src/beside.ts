/** Code that is to run beside whatever a kernel is doing. */
import { Kernel } from '@jupyterlab/services';

/**
 * Run code on a subshell of its own (JEP 91), which answers while the main shell runs a cell. A kernel that has none is
 * interrupted where it is busy, and runs the code then.
 */
export async function runBeside(kernel: Kernel.IKernelConnection, code: string): Promise<void> {
  const request = { code, silent: true, store_history: false };
  const id = await subshell(kernel);
  if (!id) {
    if (kernel.status === 'busy') {
      await kernel.interrupt();
    }
    await kernel.requestExecute(request).done;
    return;
  }
  const own = kernel.clone({ handleComms: false });
  own.subshellId = id; // before it is connected, so that nothing of it waits for the main shell
  try {
    await own.requestExecute(request).done;
  } finally {
    own.dispose();
    await kernel.requestDeleteSubshell({ subshell_id: id }).done;
  }
}

async function subshell(kernel: Kernel.IKernelConnection): Promise<string | undefined> {
  const reply = kernel.supportsSubshells ? await kernel.requestCreateSubshell({}).done : null;
  return reply?.content.subshell_id; // an error has none
}
