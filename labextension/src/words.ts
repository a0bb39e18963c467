/**
 * The extension's few words in the two languages of the project. JupyterLab's own language decides;
 * a gettext pack would be more machinery than words.
 */
const ENGLISH = {
  /** The panel's own choice of language holds, unless JupyterLab is Chinese. */
  panel: 'panel()',
  title: 'Z-Image Studio',
  caption: 'Make pictures with Z-Image in a panel of its own, without a notebook',
  starting: 'Starting Python…',
  startingHint: 'The panel appears in a moment.',
  restarting: 'Python restarts…',
  restartingHint: 'The panel comes back by itself; finished pictures are kept.',
  stopped: 'Python has stopped',
  stoppedHint: 'Finished pictures are kept. Start it again to go on.',
  noKernel: 'Python could not be started',
  noKernelHint: 'Run ./start.sh again, or "zimage-lab doctor" in a terminal, which says what is wrong.',
  noAnswer: 'The kernel "{kernel}" ended before it answered.',
  noPanel: 'The panel could not be shown',
  noPackage: 'The kernel "{kernel}" has no zimage_lab. Run ./start.sh once: it makes a kernel named Z-Image.',
  retry: 'Retry'
};

export type Words = typeof ENGLISH;

const CHINESE: Words = {
  panel: "panel(language='zh')",
  title: 'Z-Image 工作室',
  caption: '在独立面板中用 Z-Image 生成图片，无需笔记本',
  starting: '正在启动 Python…',
  startingHint: '面板马上就好。',
  restarting: 'Python 正在重启…',
  restartingHint: '面板会自动恢复，已完成的图片都会保留。',
  stopped: 'Python 已停止',
  stoppedHint: '已完成的图片都会保留。重新启动即可继续。',
  noKernel: '无法启动 Python',
  noKernelHint: '请重新运行 ./1键启动.sh，或在终端运行 zimage-lab doctor 查看原因。',
  noAnswer: '内核“{kernel}”在响应之前就退出了。',
  noPanel: '无法显示面板',
  noPackage: '内核“{kernel}”中没有 zimage_lab。请运行一次 ./1键启动.sh，它会创建名为 Z-Image 的内核。',
  retry: '重试'
};

/** Give the words of a language code such as `en`, `zh_CN` or `zh-Hans`. */
export function words(languageCode: string): Words {
  return languageCode.toLowerCase().startsWith('zh') ? CHINESE : ENGLISH;
}
