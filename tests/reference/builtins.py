# Writes builtins.npz, what PyTorch computes for builtins.reg: /usr/bin/python3 tests/reference/builtins.py
import torch, numpy as np, torch.nn.functional as F
torch.manual_seed(0); torch.set_default_dtype(torch.float64)
a={}
x=torch.randn(2,4,9,8); k=torch.randn(6,4,3,3); kg=torch.randn(6,2,3,2); b=torch.randn(6); x1=torch.randn(2,4,11); k1=torch.randn(6,4,3)
kt=torch.randn(4,3,3,3); ktg=torch.randn(4,3,3,3); k1t=torch.randn(4,5,3)
a.update(x=x,k=k,kg=kg,b=b,x1=x1,k1=k1,kt=kt,k1t=k1t)
a['c1']=F.conv2d(x,k,b,stride=[2,1],padding=[1,2],dilation=[1,2])
a['c2']=F.conv2d(x,kg,None,groups=2)
a['c3']=F.conv2d(x,k,padding='same')
a['c4']=F.conv2d(F.pad(x,(1,1,1,1),mode='circular'),k)
a['c5']=F.conv2d(F.pad(x,(1,1,1,1),mode='reflect'),k)
a['c6']=F.conv1d(x1,k1,b,stride=2,padding=1)
a['c7']=F.conv_transpose2d(x,kt,stride=2,padding=1,output_padding=1)
a['c8']=F.conv_transpose2d(x,ktg,groups=2,stride=[1,2],dilation=2); a['ktg']=ktg
a['c9']=F.conv_transpose1d(x1,k1t,stride=3,output_padding=2)
a['p1']=F.max_pool2d(x,2); a['p2']=F.max_pool2d(x,3,2,1); a['p3']=F.avg_pool2d(x,3,2,1); a['p4']=F.avg_pool2d(x,[2,4])
a['p5']=F.max_pool1d(x1,2); a['p6']=F.avg_pool1d(x1,3,1); a['p7']=F.adaptive_avg_pool2d(x,(4,3)); a['p8']=F.adaptive_max_pool2d(x,(4,3)); a['p9']=F.adaptive_avg_pool2d(x,1)
a['u1']=F.interpolate(x,scale_factor=2,mode='nearest'); a['u2']=F.interpolate(x,scale_factor=2,mode='bilinear',align_corners=False)
a['u3']=F.interpolate(x,size=(5,13),mode='bilinear',align_corners=False); a['u4']=F.interpolate(x,size=(5,13),mode='nearest')
A=torch.randn(5,5); S=A@A.T+torch.eye(5); B=torch.randn(5,3); v=torch.randn(5); T=torch.randn(7,4); tb=torch.randn(7); BA=torch.randn(3,5,5)
a.update(A=A,S=S,B=B,v=v,T=T,tb=tb,BA=BA)
a['l1']=torch.linalg.solve(A,B); a['l2']=torch.linalg.solve(A,v); a['l3']=torch.linalg.inv(A); a['l4']=torch.linalg.cholesky(S)
a['l5']=torch.linalg.solve_triangular(torch.tril(A),B,upper=False); a['l6']=torch.linalg.eigvalsh(S); a['l7']=torch.linalg.svdvals(T)
a['l8']=torch.linalg.det(A); a['l9']=torch.linalg.slogdet(S)[1]; a['l10']=torch.linalg.lstsq(T,tb[:,None]).solution[:,0]; a['l11']=torch.linalg.pinv(T.T); a['l12']=torch.linalg.matrix_power(A,5)
a['l13']=torch.linalg.solve(BA,B); a['l14']=torch.linalg.matrix_power(A,-2); a['l15']=torch.linalg.det(BA); a['l16']=torch.linalg.solve_triangular(torch.tril(A).T,B,upper=True)
z=torch.randn(3,6,dtype=torch.complex128); r=torch.randn(3,7); r2=torch.randn(3,6)
a['z']=torch.view_as_real(z); a['r']=r; a['r2']=r2
a['f1']=torch.view_as_real(torch.fft.fft(z)); a['f2']=torch.view_as_real(torch.fft.ifft(z)); a['f3']=torch.view_as_real(torch.fft.fft2(z)); a['f4']=torch.view_as_real(torch.fft.rfft(r)); a['f5']=torch.view_as_real(torch.fft.rfft(r2))
C=torch.randn(3,5); D=torch.randn(3,5)
a['C']=C;a['D']=D;a['o1']=torch.outer(v,tb);a['o2']=torch.kron(C,A);a['o3']=torch.cross(torch.eye(3),C[:,:3],dim=-1);a['o4']=(C*D).sum(-1)
a['o5']=torch.einsum('ij,kj->ik',C,D);a['s1']=C.sort(-1).values;a['s2']=C.argsort(0,descending=True);a['s3']=C.topk(2,-1).values;a['s4']=torch.quantile(C,0.3,dim=1);a['s5']=torch.bucketize(D.flatten(),C.flatten().sort().values)
a['n1']=torch.linalg.vector_norm(C,3,dim=1);a['pg']=torch.polygamma(2,v.abs()+1)
x1d=torch.randn(4,requires_grad=True)
f=lambda t:(t**3).sum()*t.sin().sum()
g=torch.autograd.grad(f(x1d),x1d)[0]; a['gx']=x1d.detach(); a['g1']=g; a['g2']=torch.autograd.functional.hessian(f,x1d).detach(); 
h=lambda t:torch.stack([(t**2).sum(),t[0]*t[1],t[2].exp()])
a['g3']=torch.autograd.functional.jacobian(h,x1d); a['g4']=torch.autograd.functional.jvp(h,x1d,v[:4])[1]; a['g5']=torch.autograd.functional.vjp(h,x1d,v[:3])[1]; a['g6']=torch.autograd.functional.hvp(f,x1d,v[:4])[1]
np.savez_compressed('tests/reference/builtins.npz',**{k:v.detach().numpy() for k,v in a.items()})
