/**
 * The extension's few words in the two languages of the project. JupyterLab's own language decides;
 * a gettext pack would be more machinery than words.
 */
const ENGLISH = {
  isChinese: false,
  title: 'Z-Image Studio',
  caption: 'Make pictures with Z-Image in a panel of its own, without a notebook',
  starting: 'Starting Python…',
  startingHint: 'The panel appears in a moment.',
  restarting: 'Python restarts…',
  restartingHint: 'The panel comes back by itself; finished pictures are kept.',
  stopped: 'Python has stopped',
  stoppedHint: 'Finished pictures are kept. Start it again to go on.',
  offline: 'No connection to Python since {time}. It is tried again; pictures go on being made.',
  noKernel: 'Python could not be started',
  noKernelHint: 'Run ./start.sh again, or "zimage-lab doctor" in a terminal, which says what is wrong.',
  noAnswer: 'The kernel "{kernel}" ended before it answered.',
  noPanel: 'The panel could not be shown',
  noPackage: 'The kernel "{kernel}" has no zimage_lab. Run ./start.sh once: it makes a kernel named Z-Image.',
  retry: 'Retry',
  generate: 'Generate a picture',
  cancel: 'Cancel the picture',
  drawSeed: 'Draw a new seed',
  favourite: 'Favourite, or not',
  focusPrompt: 'Write the prompt',
  create: 'Show Create',
  sweep: 'Show Sweep',
  compare: 'Show Compare',
  gallery: 'Show the gallery',
  nextThumbnail: 'Go to the next thumbnail',
  openPicture: 'Open in Z-Image Studio',
  beginWith: 'Begin with This Picture in Z-Image Studio',
  notebook: 'Open Z-Image Studio on This Notebook’s Kernel',
  failed: 'Z-Image Studio could not do that',
  dropHere: 'Drop a picture to read its recipe',
  tooLarge: '“{name}” is larger than {most} MB. Drop a picture that a program wrote.',
  unreadable: '“{name}” cannot be read. Drop one picture, no folder.',
  tutorials: 'Z-Image Tutorials',
  tutorialsCaption: 'Open a copy of a tutorial in the current folder',
  tutorialsChoose: 'Which tutorial?',
  tutorialsOpen: 'Open a copy'
};

export type Words = Record<Exclude<keyof typeof ENGLISH, 'isChinese'>, string> & { isChinese: boolean };

const CHINESE: Words = {
  isChinese: true,
  title: 'Z-Image 工作室',
  caption: '在独立面板中用 Z-Image 生成图片，无需笔记本',
  starting: '正在启动 Python…',
  startingHint: '面板马上就好。',
  restarting: 'Python 正在重启…',
  restartingHint: '面板会自动恢复，已完成的图片都会保留。',
  stopped: 'Python 已停止',
  stoppedHint: '已完成的图片都会保留。重新启动即可继续。',
  offline: '{time} 起与 Python 的连接中断，正在重试；图片仍在继续生成。',
  noKernel: '无法启动 Python',
  noKernelHint: '请重新运行 ./1键启动.sh，或在终端运行 zimage-lab doctor 查看原因。',
  noAnswer: '内核“{kernel}”在响应之前就退出了。',
  noPanel: '无法显示面板',
  noPackage: '内核“{kernel}”中没有 zimage_lab。请运行一次 ./1键启动.sh，它会创建名为 Z-Image 的内核。',
  retry: '重试',
  generate: '生成图片',
  cancel: '取消生成',
  drawSeed: '换一个种子',
  favourite: '收藏或取消收藏',
  focusPrompt: '编写提示词',
  create: '显示创作',
  sweep: '显示参数扫描',
  compare: '显示对比',
  gallery: '显示图库',
  nextThumbnail: '转到下一张缩略图',
  openPicture: '在 Z-Image 工作室中打开',
  beginWith: '在 Z-Image 工作室中以此图生图',
  notebook: '用此笔记本的内核打开 Z-Image 工作室',
  failed: 'Z-Image 工作室未能完成此操作',
  dropHere: '放下图片以读取配方',
  tooLarge: '“{name}”超过 {most} MB。请拖入由生成程序保存的图片。',
  unreadable: '无法读取“{name}”。请拖入一张图片，而不是文件夹。',
  tutorials: 'Z-Image 教程',
  tutorialsCaption: '在当前文件夹中打开教程的副本',
  tutorialsChoose: '选择哪个教程？',
  tutorialsOpen: '打开副本'
};

/** Give the words of a language code such as `en`, `zh_CN` or `zh-Hans`. */
export function words(languageCode: string): Words {
  return languageCode.toLowerCase().startsWith('zh') ? CHINESE : ENGLISH;
}
