"""How close results come to the truth: PSNR and SSIM over a data set."""
