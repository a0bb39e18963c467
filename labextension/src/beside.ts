/** Code that is to run beside whatever a kernel is doing. */
import { Kernel, KernelMessage } from '@jupyterlab/services';

const MOST_TRIES = 20;
const PAUSE_MILLISECONDS = 100;

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
    await insist(kernel, request);
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

/** An interrupted cell ends with an error, which sweeps away what waits behind it: that is asked for once more. */
async function insist(kernel: Kernel.IKernelConnection, request: KernelMessage.IExecuteRequestMsg['content']) {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const reply = await kernel.requestExecute(request).done;
    const status: string = reply?.content.status ?? '';
    if (!status.startsWith('abort')) {
      return;
    }
    await new Promise(resolve => setTimeout(resolve, PAUSE_MILLISECONDS));
  }
}

async function subshell(kernel: Kernel.IKernelConnection): Promise<string | undefined> {
  const reply = kernel.supportsSubshells ? await kernel.requestCreateSubshell({}).done : null;
  return reply?.content.subshell_id; // an error has none
}
